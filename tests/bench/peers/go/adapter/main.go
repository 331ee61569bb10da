// POST /formatCarInfo: writes a car in kayak's format.
//
//	adapter ADDRESS PORT
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
)

type car struct {
	CarID    string  `json:"carid"`
	Price    float64 `json:"price"`
	Currency string  `json:"currency"`
	Status   string  `json:"status"`
}

type offer struct {
	car
	Message       string `json:"message"`
	PaymentMethod string `json:"payment_method"`
}

func formatCarInfo(w http.ResponseWriter, r *http.Request) {
	answer := offer{Message: "welcome to kayak", PaymentMethod: "visa"}
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&answer.car) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(&answer)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func main() {
	http.HandleFunc("/formatCarInfo", formatCarInfo)
	log.Fatal(http.ListenAndServe(net.JoinHostPort(os.Args[1], os.Args[2]), nil))
}
